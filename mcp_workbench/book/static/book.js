// A box that scrolls must be reachable with the keyboard; whether one does depends on the width.
function reachable() {
  for (const box of document.querySelectorAll("article pre, article .table-wrapper, div.output.text_html")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
addEventListener("load", reachable);
addEventListener("resize", reachable);
document.addEventListener("toggle", reachable, true); // what was folded has no width
