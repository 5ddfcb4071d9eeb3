export const { CustomEvent, Event, EventTarget } = globalThis
