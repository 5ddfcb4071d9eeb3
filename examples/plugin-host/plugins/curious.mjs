// What of its host a plugin finds: nothing but what it was given.
export const handler = async () => ({
  environment: Object.keys(process.env).filter((name) => !name.startsWith('AWS_') && !name.startsWith('LAMBDA_')),
  webAssembly: typeof WebAssembly,
})
