"""Review of roads by people: a page that shows them over their scene, and the decisions that come back from it.

roads --pieces--> figures, order, shapes --report--> one HTML file --a browser--> decisions.json --decisions--> roads

The page's own files are in `page/`: HTML, CSS and JavaScript, put together by `report`.
"""

from road_extract.review.decisions import Reviewed, review_roads
from road_extract.review.report import Report, check_source, describe_options, write_report

__all__ = ["Report", "Reviewed", "check_source", "describe_options", "review_roads", "write_report"]
