"""Repositories, by git's own plumbing: objects, references, remotes."""
