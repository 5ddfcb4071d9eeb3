/** The public exports; test/index.test.ts pins the list. */
export { configFromEnvironment, type Config, type Limits } from './config.ts'
export {
  startController as startThaw,
  type Controller as Thaw,
  type ControllerOptions as ThawOptions,
} from './controller/start.ts'
export { ThawError, type ErrorCode } from './errors.ts'
