"""A stand-in orchestrator on a real engine: what the contracts promise, seen to hold.

Nothing here is shipped. It reads the exported contract files, calls the library, and keeps the
duties of the resolver's specification, so that whoever writes the real adapter has one to compare
with: `workflows` (what the engine runs), `activities` (what it calls), `store` (cursors and tasks),
`worker` (one process for the orchestrator, one for each host), `stand_in` (the operator's side).
"""
