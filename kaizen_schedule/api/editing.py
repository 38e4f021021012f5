"""Write and change what a repository declares, and the prompts it can name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kaizen_schedule import __version__
from kaizen_schedule.edges import packaged
from kaizen_schedule.edges.files import DiskTree
from kaizen_schedule.edges.scaffold import render_manifest, switch
from kaizen_schedule.edges.writing import replace_file
from kaizen_schedule.planning.agents import Prompt, list_prompts
from kaizen_schedule.planning.manifest import MANIFEST_PATH
from kaizen_schedule.planning.shape import nearest
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.codec import SCHEMA_VERSION
from kaizen_schedule.reading.document import SIZE_LIMIT
from kaizen_schedule.reading.errors import UsageError

from .manifests import read_manifest
from .targets import PathLike, known_prompt, locate_target, no_entry


def init(
    target: PathLike,
    *,
    timezone: str = "UTC",
    agents: Sequence[str] = (),
    force: bool = False,
    dry_run: bool = False,
) -> str:
    """Scaffold the manifest of a repository.

    Args:
        target: The repository's folder.
        timezone: The IANA zone to write.
        agents: The agents to schedule weekly; if empty, coach and optimization weekly, and
            tdd-workflow monthly and switched off.
        force: Overwrite an existing manifest.
        dry_run: Write nothing.

    Returns:
        The manifest's text.

    Raises:
        Refusal: There is a manifest already.
        OutputError: It cannot be written; nothing is left behind.
        UsageError: No such zone, or no prompt for an agent.
        TargetError: There is no such folder.

    Example:
        >>> print(init(repository, timezone="UTC", agents=["coach"], dry_run=True).splitlines()[5])
        agents:
    """
    root = locate_target(target)
    if timezone not in packaged.zones().names:
        near = nearest(timezone, packaged.zones().names)
        fix = f"did you mean {near}?" if near else "name a zone of the IANA list"
        raise UsageError(f"unknown time zone {safety.show(timezone)}", fix=fix)
    with DiskTree(root) as tree:
        prompts = {agent: known_prompt(tree, agent) for agent in agents}
    text = render_manifest(timezone=timezone, prompts=prompts)
    if not dry_run:
        replace_file(root, MANIFEST_PATH, text.encode(), new=not force)
    return text


def enable(target: PathLike, agent: str | None = None, *, enabled: bool = True) -> bool:
    """Switch an entry, or the whole repository, on or off by changing that one line.

    Args:
        target: The repository's folder.
        agent: The entry's agent; None for the repository.
        enabled: On or off.

    Returns:
        Whether the file had to be changed.

    Raises:
        UsageError: There is no such entry.
        Refusal: The manifest has errors, or its form leaves no one line to change.
        ManifestError: The manifest is absent or cannot be read.
        OutputError: It cannot be written.
        TargetError: There is no such folder.

    Example:
        >>> enable(repository, "coach", enabled=False), enable(repository, "coach", enabled=False)
        (True, False)
    """
    root = locate_target(target)
    with DiskTree(root) as tree:
        document, manifest = read_manifest(tree)
        if agent is not None and agent not in manifest.agents:
            raise no_entry(agent, manifest.agents)
        current = manifest.enabled if agent is None else manifest.agents[agent].enabled
        if current is enabled:
            return False
        bom = tree.read(MANIFEST_PATH, cap=SIZE_LIMIT).data.startswith(b"\xef\xbb\xbf")
    text = switch(document, manifest, agent, enabled=enabled, zones=packaged.zones())
    replace_file(root, MANIFEST_PATH, (b"\xef\xbb\xbf" if bom else b"") + text.encode())
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReport:
    """The prompts that the entries of a repository can name.

    Example:
        >>> report = list_agents(repository)
        >>> report.schema_version, report.agents[0].name
        ('1.0', 'coach')
    """

    schema_version: str = SCHEMA_VERSION
    """The version of this form."""
    tool_version: str = __version__
    """The version of the program that answered."""
    agents: tuple[Prompt, ...]
    """By name; a repository's prompt stands in for the packaged one."""


def list_agents(target: PathLike) -> AgentReport:
    """List the prompts of a repository and the packaged ones, with what is odd about each.

    Args:
        target: The repository's folder.

    Returns:
        The prompts by name; of an agent that has several, the one that counts.

    Raises:
        TargetError: There is no such folder.

    Example:
        >>> [prompt.name for prompt in list_agents(repository).agents if prompt.risk == "high"]
        ['releaseManager', 'sys-medic']
    """
    with DiskTree(locate_target(target)) as tree:
        return AgentReport(agents=list_prompts(tree, packaged.prompts()))


def show_agent(target: PathLike, agent: str) -> Prompt:
    """The prompt that counts for an agent in a repository.

    Args:
        target: The repository's folder.
        agent: The agent's name.

    Returns:
        The repository's prompt, else the packaged one; also one that cannot be read.

    Raises:
        UsageError: There is none.
        TargetError: There is no such folder.

    Example:
        >>> show_agent(repository, "coach").packaged
        True
    """
    with DiskTree(locate_target(target)) as tree:
        return known_prompt(tree, agent)


def install_agent(target: PathLike, agent: str, *, force: bool = False) -> str:
    """Copy a packaged prompt into a repository, to be adapted there.

    Args:
        target: The repository's folder.
        agent: The agent's name.
        force: Overwrite a prompt that the repository has.

    Returns:
        The path written, relative to the repository.

    Raises:
        UsageError: There is no such packaged prompt.
        Refusal: The repository has that file already.
        OutputError: It cannot be written.
        TargetError: There is no such folder.

    Example:
        >>> install_agent(repository, "coach")
        'agents/agent-coach.md'
    """
    prompt = packaged.prompts().get(agent)
    if prompt is None:
        near = nearest(agent, packaged.prompts())
        known = f"packaged are {', '.join(packaged.prompts())}"
        fix = f"did you mean {near}?" if near else known
        raise UsageError(f"there is no packaged agent {safety.show(agent)}", fix=fix)
    path = f"agents/agent-{agent}.md"
    replace_file(locate_target(target), path, prompt.text.encode(), new=not force)
    return path
