// Never ends by itself.
export const handler = () => {
  for (;;);
}
