"""Forges: where pull requests are opened, each behind one small Protocol."""
