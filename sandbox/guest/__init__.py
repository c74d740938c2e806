"""The inside of the sandbox: zygote, children, and clocks."""
