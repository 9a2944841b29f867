// Where somebody is in the console: the path behind /console/.
const BASE = "/console/";

const at = $state({ path: read() });

function read(): string {
  const path = location.pathname;
  return path.startsWith(BASE) ? path.slice(BASE.length) : path.slice(1);
}

export function place(): string {
  return at.path;
}

export function go(path: string): void {
  history.pushState(null, "", BASE + path);
  at.path = read();
  document.querySelector("main")?.focus();
}

/** For links of the console: a click goes there without loading the page anew. */
export function link(node: HTMLAnchorElement): { destroy(): void } {
  const click = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    go(node.pathname.slice(BASE.length));
  };
  node.addEventListener("click", click);
  return { destroy: () => node.removeEventListener("click", click) };
}

addEventListener("popstate", () => {
  at.path = read();
});
