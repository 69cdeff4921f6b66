"""What it costs to ignore that rows come in clusters."""

from __future__ import annotations

from ilk.diagnostics.cluster_report.report import ClusterReport, cluster_report

__all__ = ["ClusterReport", "cluster_report"]
