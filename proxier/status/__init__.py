"""The status page, `/metrics` and `/healthz`: what the proxier does, for those who look after it."""
