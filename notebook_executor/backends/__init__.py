"""Where a kernel comes from: one Protocol, the built-in backends, and entry points for others."""
