"""DailyReconciliation: the processor's records are compared with the ledger, once a day."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.reconciliation import Reconciler, ReconcileRequest, ReconcileResult
    from billing.markdown import escaped
    from workflows import options


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
