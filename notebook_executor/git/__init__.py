"""Repositories, by git's own plumbing; and what makes git treat notebooks as notebooks."""
