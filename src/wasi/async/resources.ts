/** What the component model's concurrency puts into the handle table, beside resources. */
import type { FutureEnd } from './futures.ts'
import type { StreamEnd } from './stream-end.ts'
import type { Subtask } from './subtasks.ts'
import type { WaitableSet } from './waitables.ts'

export interface AsyncResourceTypes {
  'waitable-set': WaitableSet
  subtask: Subtask
  'readable-stream': StreamEnd
  'writable-stream': StreamEnd
  'readable-future': FutureEnd
  'writable-future': FutureEnd
}
