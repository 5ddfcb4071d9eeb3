/** Called by a schedule: the event is what the schedule's target has as its input. */
export const handler = async (event) => {
  console.log('report %s for %s', event.report, event.scheduledFor)
  return { report: event.report, scheduledFor: event.scheduledFor }
}
