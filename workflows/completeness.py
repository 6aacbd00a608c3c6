"""DailyCompleteness: every customer and every row is checked, once a day."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.completeness import CompletenessActivities, CompletenessRequest, CompletenessResult
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
