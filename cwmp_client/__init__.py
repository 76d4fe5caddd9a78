"""The CPE side of CWMP (TR-069 Amendment 5 and 6), of use to anyone who writes a CPE in Python."""
