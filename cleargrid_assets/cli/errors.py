"""The error of a command that says what is wrong and what to do apart."""

import click


class AdvisedError(click.ClickException):
    """Ends a command with its message. `cleargrid check` reports it as a finding.

    Attributes:
        what: What is wrong.
        advice: What to do.
    """

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"{what} {advice}")
        self.what, self.advice = what, advice
