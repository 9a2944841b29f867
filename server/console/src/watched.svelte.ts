// Something that is asked of the server again and again while it is looked at.
import { Failure } from "./api.svelte";

export class Watched<T> {
  now = $state<T | undefined>();
  failure = $state<string | undefined>();
  #asking = false;

  constructor(
    private readonly ask: () => Promise<T>,
    everyMs = 5000,
  ) {
    $effect(() => {
      void this.again();
      const timer = setInterval(() => {
        if (!document.hidden) void this.again();
      }, everyMs);
      return () => clearInterval(timer);
    });
  }

  /** Asks now. What was known before stays where there is no answer. */
  async again(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      this.now = await this.ask();
      this.failure = undefined;
    } catch (failure) {
      this.failure = failure instanceof Failure ? failure.message : String(failure);
    } finally {
      this.#asking = false;
    }
  }
}
