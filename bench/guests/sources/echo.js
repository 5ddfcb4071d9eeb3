// Answers with the id it was sent, and how often this instance has been called: 1, if it is pristine.
let count = 0

export const handler = async ({ id }) => ({ id, count: ++count })
