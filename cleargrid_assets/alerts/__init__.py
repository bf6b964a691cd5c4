"""Alerts: what went wrong with runs and checks, told by chat, e-mail or a webhook."""
