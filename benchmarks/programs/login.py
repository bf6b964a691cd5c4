"""The login of all contestants except this project: one request with the standard library."""

import json
import os
from dataclasses import dataclass
from urllib.request import Request, urlopen


@dataclass(frozen=True)
class Access:
    """Result of a login.

    Attributes:
        url: URL of the dataset.
        token: Token for the header `Authorization: Bearer`.
    """

    url: str
    token: str


def log_in() -> Access:
    """Logs in with the credentials from the environment variables."""
    root = os.environ["CLEARGRID_BASE_URL"]
    credentials = {"email": os.environ["CLEARGRID_EMAIL"], "password": os.environ["CLEARGRID_PASSWORD"]}
    request = Request(
        f"{root}/admin/auth/{os.environ['CLEARGRID_LENDER']}/login",
        data=json.dumps(credentials).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(request) as response:
        body = json.load(response)
    return Access(f"{root}/admin/v3/lenders/{body['lenderPublicId']}/exports/S4/D21", body["token"])
