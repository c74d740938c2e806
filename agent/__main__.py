"""Runs the command line as `python -m gapsmith.agent`."""

from gapsmith.agent.cli.app import main

if __name__ == "__main__":
    main()
