"""DailyCompleteness: every customer and every row is checked, once a day."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.completeness import CompletenessActivities, CompletenessRequest, CompletenessResult
    from billing.markdown import escaped
    from workflows import options


@workflow.defn
class DailyCompleteness:
    """One look at everybody. What is found is in the result, in the Temporal UI's details, and told by mail."""

    @workflow.run
    async def run(self, request: CompletenessRequest) -> CompletenessResult:
        result = await workflow.execute_activity_method(
            CompletenessActivities.cover, request, **options.with_summary(options.COVER, "look at everybody")
        )
        lines = [  # by id only: what else is in a finding may be an address
            f"- {each.period}: {found.kind}{': ' if found.customer_id else ''}{escaped(found.customer_id)}"
            for each in result.periods
            for found in each.findings
        ]
        workflow.set_current_details("\n".join(lines[:100]) or "Everybody is covered.")
        return result
