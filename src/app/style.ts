/** Puts the components' style into the page, once. */
import css from "./style.css?inline";
import { useEffect } from "./given.ts";

const ID = "media-forensics-style";

export function useStyle(): void {
  useEffect(() => {
    if (document.getElementById(ID)) return;
    const style = document.createElement("style");
    style.id = ID;
    style.textContent = css;
    document.head.appendChild(style);
  }, []);
}
