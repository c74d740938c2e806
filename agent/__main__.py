"""Lets the command line be run as `python -m gapsmith.agent`."""

from gapsmith.agent.cli import main

if __name__ == "__main__":
    main()
