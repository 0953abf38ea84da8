for (const article of document.querySelectorAll("article")) {
  const light = (name) => {
    article.classList.toggle("focused", name !== null);
    for (const box of article.querySelectorAll("rect")) box.classList.toggle("lit", box.dataset.name === name);
  };
  for (const line of article.querySelectorAll("[data-boxes]")) {
    for (const kind of ["mouseenter", "focus"]) line.addEventListener(kind, () => light(line.dataset.boxes));
    for (const kind of ["mouseleave", "blur"]) line.addEventListener(kind, () => light(null));
  }
  const toggle = article.querySelector(".show-truth");
  toggle.addEventListener("change", () => article.classList.toggle("true", toggle.checked));
}
document.getElementById("all-truth").addEventListener("change", (event) => {
  for (const toggle of document.querySelectorAll(".show-truth")) {
    toggle.checked = event.target.checked;
    toggle.dispatchEvent(new Event("change"));
  }
});
