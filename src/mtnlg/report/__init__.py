"""Boards as bytes: a page, Markdown, CSV, JSON and LaTeX, each a row of FORMATS."""

from mtnlg.report.formats import FORMATS, Document, Format, find_format, write_report

__all__ = ["FORMATS", "Document", "Format", "find_format", "write_report"]
