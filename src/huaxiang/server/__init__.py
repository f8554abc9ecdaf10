"""HTTP: routes on one screen (`app`), who is asking, limits, errors to words; a module for each dialect's handlers."""
