/**
 * Finds the pages of a private file mapping that are this process's own: written since they were mapped, present or
 * swapped out. (A page that was only read is the file's.) Answers go into `ranges`, so that asking allocates nothing.
 */
export interface PageFinder extends Disposable {
  /** [start, end) pairs of byte offsets from the address that was asked about. Valid until the next `find`. */
  readonly ranges: Float64Array
  /** Where the last `find` stopped: the end asked for, or less when `ranges` was full. */
  readonly resume: number
  /** Look from `address + from` to `address + to`; returns how many pairs it put into `ranges`. */
  find(address: number, from: number, to: number): number
}
