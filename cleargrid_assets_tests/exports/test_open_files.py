"""Limits of open files that are used up."""

import errno
import os
import resource

import pytest
import requests

from cleargrid_assets.exports.errors import TransientError
from cleargrid_assets.exports.http.failures import library_failure
from cleargrid_assets.exports.open_files import limit_reached


def refused(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def test_limit_of_the_process_is_named_with_how_to_raise_it() -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    text = str(limit_reached("the rows could not be spooled", refused(errno.EMFILE)))
    assert text.startswith(
        f"the rows could not be spooled, because this process may not have more than {limit:,} files and connections"
    )
    assert "`ulimit -n 4096`" in text


def test_limit_of_the_machine_is_named() -> None:
    assert "`sysctl fs.file-max`" in str(limit_reached("nothing", refused(errno.ENFILE)))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EIO])
def test_other_errors_are_about_no_limit(number: int) -> None:
    assert limit_reached("nothing", refused(number)) is None


def test_connection_that_the_limit_forbids_is_not_tried_again() -> None:
    failure = library_failure(requests.ConnectionError(refused(errno.EMFILE)), "https://api.example")
    assert not isinstance(failure, TransientError)
    assert str(failure).startswith("no connection to api.example was opened, because this process may not")
