"""Models behind an API.

OpenAI's and Anthropic's, and servers that speak like them.
"""
