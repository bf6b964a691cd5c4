"""The UI in a browser, as a person sees it: `make test-browser`."""
