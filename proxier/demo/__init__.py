"""The embedded ACS and the simulated UPnP device of demo and tests; `proxier run` never imports them."""
