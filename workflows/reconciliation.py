"""DailyReconciliation: the processor's records are compared with the ledger, once a day."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.reconciliation import Reconciler, ReconcileRequest, ReconcileResult
    from billing.markdown import escaped
    from workflows import options


@workflow.defn
class DailyReconciliation:
    """One comparison. What stays open is in the result, in the details shown by the Temporal UI, and told by mail."""

    @workflow.run
    async def run(self, request: ReconcileRequest) -> ReconcileResult:
        result = await workflow.execute_activity_method(
            Reconciler.reconcile, request, **options.with_summary(options.RECONCILE, "compare Stripe with the ledger")
        )
        lines = [f"- {found.kind}: {escaped(found.text)}" for each in result.periods for found in each.findings]
        workflow.set_current_details("\n".join(lines) or "Nothing differs.")
        return result
