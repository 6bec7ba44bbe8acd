"""Know who calls: an OAuth 2.0 resource server, or the word of a proxy that is trusted.

    caller      who a request comes from

Nothing here knows HTTP's server side: answers are made in runner.web.
"""
