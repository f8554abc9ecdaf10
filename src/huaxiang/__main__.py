"""`huaxiang`, and `python -m huaxiang`: the command line, or how to install it, where only the client is."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    try:
        from huaxiang.cli import main as run  # noqa: PLC0415 - the client installs without what it needs
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "huaxiang":
            raise
        sys.exit(f"huaxiang: the command line needs {error.name}: pip install 'huaxiang[server]'")
    run()


if __name__ == "__main__":
    main()
