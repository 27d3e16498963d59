local hs = { status = "Progressing", message = "the operator has not looked at it yet" }
local status = obj.status
if status == nil or status.state == nil then return hs end
if status.observedGeneration ~= nil and obj.metadata.generation ~= nil
    and status.observedGeneration ~= obj.metadata.generation then
  hs.message = "the operator has not seen this generation yet"
  return hs
end
local function why(fallback)
  local text = status.reason
  if text == nil or text == "" then text = fallback end
  if status.message ~= nil and status.message ~= "" then text = text .. ": " .. status.message end
  return text
end
if status.state == "NotUsable" then
  if status.reason == "Disabled" then
    return { status = "Suspended", message = "set aside by spec.disabled" }
  end
  return { status = "Degraded", message = why("NotUsable") }
end
if status.state == "Unknown" then
  hs.message = why("Unknown")
  return hs
end
local broken = {}
local usable = 0
for _, drive in ipairs(status.drives or {}) do
  if drive.state == "Usable" or drive.state == "InUse" then
    usable = usable + 1
  else
    local reason = drive.reason
    if reason == nil or reason == "" then reason = drive.state or "Unknown" end
    table.insert(broken, drive.name .. " " .. reason)
  end
end
local all = #(status.drives or {})
local text = usable .. " of " .. all .. " drives usable"
if #broken > 0 then text = text .. "; " .. table.concat(broken, ", ") end
if all > 0 and usable == 0 then
  return { status = "Degraded", message = text }
end
return { status = "Healthy", message = text }
