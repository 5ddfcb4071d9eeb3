export const asyncEvents = ''
