export const queues = ''
