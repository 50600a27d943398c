"""Boards as bytes: a page, Markdown, CSV, JSON and LaTeX, each a row of FORMATS."""

from mtnlg.report.formats import FORMATS, Format, find_format, write_report

__all__ = ["FORMATS", "Format", "find_format", "write_report"]
