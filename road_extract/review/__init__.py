"""Lets people review roads: a page shows them over their scene, and the decisions made there are applied to them.

roads --pieces--> figures, order, shapes --report--> one HTML file --a browser--> decisions.json --decisions--> roads

The page's own files are in `page/`: HTML, CSS and JavaScript, which `report` puts together.
"""

from road_extract.review.decisions import Reviewed, review_roads
from road_extract.review.report import Report, check_source, describe_options, write_report

__all__ = ["Report", "Reviewed", "check_source", "describe_options", "review_roads", "write_report"]
