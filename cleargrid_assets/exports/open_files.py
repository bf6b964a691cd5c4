"""The error for a limit of open files that is used up."""

import errno
import resource

from cleargrid_assets.exports.errors import ExportsError


def limit_reached(what: str, error: OSError) -> ExportsError | None:
    """The error with the limit and how to raise it; None if no limit of open files is used up.

    Args:
        what: What could not be done.
        error: Why.
    """
    if error.errno == errno.EMFILE:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return ExportsError(
            f"{what}, because this process may not have more than {limit:,} files and connections open",
            advice="Raise the limit where Dagster is started: `ulimit -n 4096` in a shell, `LimitNOFILE=4096` in a "
            "systemd unit, `ulimits: {nofile: 4096}` in a Compose file. Or materialize fewer days in one run.",
        )
    if error.errno == errno.ENFILE:
        return ExportsError(
            f"{what}, because this machine may not have more files open",
            advice="Raise the limit of the machine (`sysctl fs.file-max` on Linux, `kern.maxfiles` on macOS), or end "
            "other processes.",
        )
    return None
