"""What runs once a day: the check of every customer and every row, and the reconciliation with the processor."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.completeness import CompletenessActivities, CompletenessRequest, CompletenessResult
    from activities.reconciliation import Reconciler, ReconcileRequest, ReconcileResult
    from billing.markdown import escaped
    from workflows import options


@workflow.defn
class DailyCompleteness:
    """One check. Its findings are in the result, in the Temporal UI's details, and in a mail to the reviewers."""

    @workflow.run
    async def run(self, request: CompletenessRequest) -> CompletenessResult:
        result = await workflow.execute_activity_method(
            CompletenessActivities.cover, request, **options.with_summary(options.COVER, "check every customer and row")
        )
        lines = [  # by id only: the text of a finding may have an address
            f"- {report.period}: {finding.kind}{': ' if finding.customer_id else ''}{escaped(finding.customer_id)}"
            for report in result.periods
            for finding in report.findings
        ]
        workflow.set_current_details("\n".join(lines[:100]) or "Every customer and row is covered.")
        return result


@workflow.defn
class DailyReconciliation:
    """One comparison. Its findings are in the result, in the Temporal UI's details, and in a mail to the reviewers."""

    @workflow.run
    async def run(self, request: ReconcileRequest) -> ReconcileResult:
        result = await workflow.execute_activity_method(
            Reconciler.reconcile, request, **options.with_summary(options.RECONCILE, "compare Stripe with the ledger")
        )
        findings = [finding for report in result.periods for finding in report.findings]
        lines = [f"- {finding.kind}: {escaped(finding.text)}" for finding in findings]
        workflow.set_current_details("\n".join(lines) or "Nothing differs.")
        return result
