"""Web server, proxy and load balancer logs: lines to rows of the http table."""
