"""summary.html: one static page that says what to do at 3 a.m.; no script, no request, small.

`render` is called by `checks.engine.report.write`.
"""

from checks.engine.report.summary.page import Extras, render

__all__ = ["Extras", "render"]
