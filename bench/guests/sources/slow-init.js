// Init takes 100 ms; the answer says how long it took when the snapshot was made.
const start = Date.now()
while (Date.now() - start < 100);
const initMs = Date.now() - start

export const handler = async ({ id }) => ({ id, initMs })
