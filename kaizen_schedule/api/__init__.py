"""Every library call: paths and times in, values out; none reads the clock or the environment.

They are exported by the package itself: ``from kaizen_schedule import validate``.
"""
