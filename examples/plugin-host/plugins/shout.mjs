let calls = 0
export const handler = async ({ text }) => ({ text: text.toUpperCase(), calls: ++calls })
