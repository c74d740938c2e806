"""From a choice to a prompt, from a reply to a program."""
